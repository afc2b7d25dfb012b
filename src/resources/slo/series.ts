/** Recorded series that are asked for again, by the rules themselves or for the status; those of Sloth (sloth.dev) by its names. */

/** Of five minutes each. */
export const BAD = "slo:sli_bad:increase5m";
export const TOTAL = "slo:sli_total:increase5m";
export const REMAINING = "slo:period_error_budget_remaining:ratio";
export const INFO = "sloth_slo_info";
