/** What JSON can say: rows for `show`, parameters and results on the control socket. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
