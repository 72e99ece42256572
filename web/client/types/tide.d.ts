export type ConnectOptions = {
    /**
     * A token, or better a function that
     * gives a fresh one. It is called when the client connects, and before the token in use expires.
     */
    token?: string | (() => string | undefined | Promise<string | undefined>);
    /**
     * Who this is, for channels with presence.
     */
    user?: string;
    /**
     * More about that.
     */
    info?: any;
    /**
     * The transports, the best first.
     */
    wires: import('./link.js').Wire[];
    /**
     * Called when the state changes.
     */
    onstate?: (state: import('./link.js').State) => void;
    /**
     * For a runtime without one.
     */
    WebSocket?: any;
    fetch?: typeof fetch;
    /**
     * Tabs of the same page share a connection if this is the same; `false` if they do not. With `token`
     * they share only with this or `user`.
     */
    tabs?: string | false;
    /**
     * Which wire to use.
     */
    choose?: (wires: import('./link.js').Wire[], io: any) => import('./link.js').Choice;
};
export type PublishOptions = {
    event?: string;
    /**
     * In a compacted channel, a newer message replaces the older ones of its key.
     */
    key?: string;
    /**
     * The server publishes a message of this id once.
     */
    id?: string;
    /**
     * Whether subscriptions of this client receive the message. They do by default.
     */
    echo?: boolean;
    /**
     * `data` is a text with binary data.
     */
    encoding?: 'base64';
    signal?: AbortSignal;
};
/**
 * @typedef {object} ConnectOptions
 * @property {string | (() => string | undefined | Promise<string | undefined>)} [token] A token, or better a function that
 *   gives a fresh one. It is called when the client connects, and before the token in use expires.
 * @property {string} [user] Who this is, for channels with presence.
 * @property {any} [info] More about that.
 * @property {import('./link.js').Wire[]} wires The transports, the best first.
 * @property {(state: import('./link.js').State) => void} [onstate] Called when the state changes.
 * @property {any} [WebSocket] For a runtime without one.
 * @property {typeof fetch} [fetch]
 * @property {string | false} [tabs] Tabs of the same page share a connection if this is the same; `false` if they do not. With `token`
 *   they share only with this or `user`.
 * @property {(wires: import('./link.js').Wire[], io: any) => import('./link.js').Choice} [choose] Which wire to use.
 */
/**
 * @typedef {object} PublishOptions
 * @property {string} [event]
 * @property {string} [key] In a compacted channel, a newer message replaces the older ones of its key.
 * @property {string} [id] The server publishes a message of this id once.
 * @property {boolean} [echo] Whether subscriptions of this client receive the message. They do by default.
 * @property {'base64'} [encoding] `data` is a text with binary data.
 * @property {AbortSignal} [signal]
 */
export declare class Tide {
    #private;
    /**
     * @param {string | URL} url
     * @param {ConnectOptions} options
     */
    constructor(url: string | URL, options: ConnectOptions);
    /** @type {string | undefined} What may keep this client from a connection, and can be changed. */
    warning: string | undefined;
    /** @returns {import('./link.js').State} */
    get state(): import('./link.js').State;
    /** A function that sends a request over the open connection; another one after each change. Without it requests go over HTTP. */
    get way(): any;
    /**
     * Calls `listener` at each event `name`: `state`, or `close`. Returns a function that ends that.
     *
     * @param {string} name
     * @param {(value: any) => void} listener
     */
    on(name: string, listener: (value: any) => void): () => any;
    /**
     * Subscribes to channels and patterns. The subscription is an async iterator of messages, or calls `onmessage`.
     *
     * @template [T=any]
     * @param {string | readonly string[]} channels
     * @param {import('./subscription.js').SubscribeOptions<T>} [options]
     * @returns {import('./subscription.js').Subscription<T>}
     */
    subscribe<T = any>(channels: string | readonly string[], options?: import('./subscription.js').SubscribeOptions<T>): import('./subscription.js').Subscription<T>;
    /**
     * Publishes a message, and resolves to its position. `data` is any JSON; without it the message removes its key.
     *
     * @param {string} channel
     * @param {any} [data]
     * @param {PublishOptions} [options]
     * @returns {Promise<{ position: string }>}
     */
    publish(channel: string, data?: any, options?: PublishOptions): Promise<{
        position: string;
    }>;
    /** One attempt to publish: over the open connection if it takes requests, else over HTTP. */
    send(channel: any, data: any, { event, key, id, echo, encoding, signal }?: {}): Promise<{
        position: any;
    }>;
    /**
     * Sends a request to the server, with the token, and resolves to the JSON of its answer.
     *
     * @param {string} path
     * @param {import('./server.js').Asked} [asked]
     */
    ask(path: string, asked?: import('./server.js').Asked): Promise<any>;
    /** The network may be another one, or the page was asleep: tries at once. */
    wake(event: any): void;
    /** Ends all subscriptions and the connection. */
    close(): void;
    /** Reports an event to its listeners. */
    emit(name: any, value: any): void;
}
