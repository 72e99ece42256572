/** What can go wrong, in one class: what happened and why as `message`, and what a program decides by as `code`. */
export type Gap = {
    /**
     * The channel or pattern, as it was subscribed.
     */
    channel: string;
    from: string;
    to: string;
};
export type Detail = {
    /**
     * A code of docs/errors.md; or one that docs/javascript.md lists.
     */
    code?: string;
    /**
     * The HTTP status or the close code of the server's answer, if there was one.
     */
    status?: number;
    /**
     * When the server wants the next attempt, in milliseconds.
     */
    retryMs?: number;
    /**
     * Whether the same would be refused again: nothing but a change of the request helps.
     */
    isFinal?: boolean;
    /**
     * With the code `gap`: which messages are lost.
     */
    gap?: Gap;
};
/**
 * @typedef {object} Gap Messages of `channel` after the position `from`, up to and including `to`, are lost, some or all.
 * @property {string} channel The channel or pattern, as it was subscribed.
 * @property {string} from
 * @property {string} to
 */
/**
 * @typedef {object} Detail
 * @property {string} [code] A code of docs/errors.md; or one that docs/javascript.md lists.
 * @property {number} [status] The HTTP status or the close code of the server's answer, if there was one.
 * @property {number} [retryMs] When the server wants the next attempt, in milliseconds.
 * @property {boolean} [isFinal] Whether the same would be refused again: nothing but a change of the request helps.
 * @property {Gap} [gap] With the code `gap`: which messages are lost.
 */
export declare class TidewireError extends Error {
    code: string;
    status: number | undefined;
    retryMs: number | undefined;
    isFinal: boolean;
    gap: Gap | undefined;
    name: string;
    /**
     * @param {string} message
     * @param {Detail} [detail]
     */
    constructor(message: string, { code, status, retryMs, isFinal, gap }?: Detail);
}
/** An error as frames and batches of the server have it. */
export declare const refusal: ({ code, message, retry_ms: retryMs }: {
    code: any;
    message: any;
    retry_ms: any;
}) => TidewireError;
/** For a gap that nobody handles. */
export declare const gapError: (gap: any) => TidewireError;
/** Calls what an application has given. An error in it is a rejection that nobody handles, and the client goes on. */
export declare const call: (callback: any, value: any) => Promise<any>;
