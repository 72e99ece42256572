export type Server = ReturnType<typeof server>;
export type Asked = {
    query?: object;
    method?: string;
    /**
     * Sent as JSON.
     */
    body?: any;
    /**
     * Without one, the answer has to come within 15 seconds.
     */
    signal?: AbortSignal;
};
/** @typedef {ReturnType<typeof server>} Server */
/**
 * @typedef {object} Asked
 * @property {object} [query]
 * @property {string} [method]
 * @property {any} [body] Sent as JSON.
 * @property {AbortSignal} [signal] Without one, the answer has to come within 15 seconds.
 */
/**
 * @param {string | URL} address
 * @param {typeof fetch} fetch
 * @param {string | (() => unknown) | undefined} source A token, or a function that gives one.
 */
export declare const server: (address: string | URL, fetch: typeof fetch, source: string | (() => unknown) | undefined) => {
    url: (path: any, query?: {}) => URL;
    token: () => any;
    /** Hands a newer token over, if there is one. If that fails, the connection goes on until the older one expires. */
    renew: (handOver: any) => Promise<void>;
    /** The server refuses the token in use: the next request asks for another one. */
    forgetToken: () => undefined;
    request: (path: string, { query, method, body, signal }?: Asked) => Promise<Response>;
    /**
     * Resolves to the JSON of an answer. Rejects as `request` does.
     *
     * @param {string} path
     * @param {Asked} [asked]
     */
    ask: (path: string, asked?: Asked) => Promise<any>;
};
