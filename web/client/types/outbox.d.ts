export type OutboxOptions = {
    /**
     * How many messages wait at most.
     */
    max?: number;
    /**
     * Keeps them in IndexedDB under this name. If the page is gone, a later page of this name sends them.
     */
    name?: string;
    /**
     * Called with what no promise can report: a message of an earlier
     * page is refused, or cannot be kept.
     */
    onerror?: (error: Error, message?: object) => void;
};
/**
 * @typedef {object} OutboxOptions
 * @property {number} [max] How many messages wait at most.
 * @property {string} [name] Keeps them in IndexedDB under this name. If the page is gone, a later page of this name sends them.
 * @property {(error: Error, message?: object) => void} [onerror] Called with what no promise can report: a message of an earlier
 *   page is refused, or cannot be kept.
 */
/**
 * @param {import('./tide.js').Tide} tide
 * @param {OutboxOptions} [options]
 */
export declare function openOutbox(tide: import('./tide.js').Tide, { max, name, onerror }?: OutboxOptions): {
    /** How many messages wait for an answer. */
    readonly size: number;
    /**
     * Resolves once the server has the message. Rejects if it refuses it, or if nothing more can wait here.
     *
     * @param {string} channel
     * @param {any} [data]
     * @param {import('./tide.js').PublishOptions} [options]
     * @returns {Promise<{ position: string }>}
     */
    publish(channel: string, data?: any, { signal, id, ...options }?: import('./tide.js').PublishOptions): Promise<{
        position: string;
    }>;
};
