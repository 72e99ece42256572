export declare class Server {
    #private;
    /**
     * @param {string | URL} url
     * @param {(typeof fetch)} fetch
     * @param {string | (() => unknown) | undefined} token
     */
    constructor(url: string | URL, fetch: (typeof fetch), token: string | (() => unknown) | undefined);
    /** The address of `path` below the server's, with `query`. */
    url(path: any, query?: {}): URL;
    /** Resolves to the token in use, or to nothing. */
    token(): any;
    /** Resolves to another token than the one in use, or to nothing if there is no other. */
    newerToken(): Promise<{} | undefined>;
    /** The server refuses the token in use: the next request asks for another one. */
    forgetToken(): void;
    /**
     * Resolves to the answer to a request if its status is good. Rejects with a {@link TidewireError}.
     *
     * @param {string} path
     * @param {{ query?: object, method?: string, body?: any, headers?: object, signal?: AbortSignal }} [options]
     * @returns {Promise<Response>}
     */
    request(path: string, { query, method, body, headers, signal }?: {
        query?: object;
        method?: string;
        body?: any;
        headers?: object;
        signal?: AbortSignal;
    }): Promise<Response>;
    /** Resolves to the JSON of an answer. Parameters and errors are those of {@link request}. */
    ask(path: any, options: any): Promise<any>;
}
