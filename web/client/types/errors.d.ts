/** What can go wrong, in one class: what happened and why as `message`, and what a program decides by as `code`. */
export type Gap = {
    /**
     * The channel or pattern, as it was subscribed.
     */
    channel: string;
    from: string;
    to: string;
};
/**
 * @typedef {object} Gap Messages of `channel` after the position `from`, up to and including `to`, are lost, some or all.
 * @property {string} channel The channel or pattern, as it was subscribed.
 * @property {string} from
 * @property {string} to
 */
export declare class TidewireError extends Error {
    /** A code of docs/errors.md; or `unreachable`, `closed`, `gap`, `token`. */
    code: string;
    /** The HTTP status or the close code of the server's answer, if there was one. */
    status: number | undefined;
    /** When the server wants the next attempt, in milliseconds. */
    retryMs: number | undefined;
    /** Whether the same would be refused again: nothing but a change of the request helps. */
    isFinal: boolean;
    /** With the code `gap`: which messages are lost. */
    gap: Gap | undefined;
    /**
     * @param {string} message
     * @param {{ code?: string, status?: number, retryMs?: number, isFinal?: boolean, gap?: Gap, cause?: unknown }} [detail]
     */
    constructor(message: string, { code, status, retryMs, isFinal, gap, cause }?: {
        code?: string;
        status?: number;
        retryMs?: number;
        isFinal?: boolean;
        gap?: Gap;
        cause?: unknown;
    });
}
/** Calls what an application has given. An error in it is reported as one of the page, and the client goes on. */
export declare function call(callback: any, value: any): void;
/** For {@link call}: reports what nobody handles. */
export declare function raise(error: any): void;
/** For a gap that nobody handles. */
export declare const gapError: (gap: any) => TidewireError;
