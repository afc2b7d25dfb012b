/** Access keys of the local emulator: a person, or a pipeline, that may do everything; and the operator, who may do what its policy says. */
export const ADMIN_KEY = "AKIAADMIN00000000000";
export const OPERATOR_KEY = "AKIAOPERATOR00000000";
/** The emulator checks which key signs, not the signature: any secret will do. */
export const SECRET_KEY = "no-secret-is-kept-here";

/** The project's root, with a trailing slash. */
export const ROOT = new URL("../..", import.meta.url).pathname;
