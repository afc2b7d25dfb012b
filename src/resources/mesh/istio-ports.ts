/** Where istiod serves configuration and certificates to proxies, over TLS. */
export const ISTIOD_PORT = 15012;
/** HBONE: every connection of the ambient data plane, in mutual TLS, whatever port it is for. */
export const HBONE_PORT = 15008;
