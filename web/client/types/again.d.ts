/** The path of what the server has of `channel`. Throws if that is not one name or pattern. */
export declare const pathOf: (channel: any, what: any) => string;
/**
 * Resolves to what `attempt(signal)` resolves to; its signal also ends an attempt that takes too long. Rejects with a refusal,
 * or when `signal` is aborted.
 */
export declare function again(tide: any, signal: any, attempt: any): Promise<any>;
/** Whether the same request may succeed later. A mistake of the caller, such as data that is not JSON, never does. */
export declare const canPass: (error: any) => boolean;
/** How long to wait after that many failures, if the server does not say it: full jitter, so that a crowd spreads out. */
export declare function backoffMs(failures: any): number;
