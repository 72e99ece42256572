/**
 * One connection for all subscriptions of a client: watches heartbeats, connects again, and brings every subscription to
 * the place where the connection is.
 *
 *                  open               opened               all at the head
 *     offline ───────────▶ opening ───────────▶ catching up ─────────────▶ live
 *        ▲                    │ it fails: the next wire     │ silent, closed │
 *        │ time, `online`     ▼                             │                │
 *     waiting ◀────── all wires failed ◀────────────────────┴────────────────┘
 *
 * The connection has one place in the log for all of its channels. A wire delivers from there on, in the order of the log. A
 * subscription that begins elsewhere asks by polls of its own for what lies before, and the connection's messages wait for
 * it meanwhile. So each subscription has its own order, on every wire, however they overlap.
 *
 * This and its neighbours are closures, not classes: a minifier can shorten all of their names.
 */
import { TidewireError } from './errors.js';
export type Wire = {
    name: string;
    open: (session: Session) => Connection;
};
export type Session = {
    wire: Wire;
    server: import('./server.js').Server;
    /**
     * The clock, timers, `fetch`, `WebSocket` and so on.
     */
    io: object;
    channels: string[];
    since: string;
    who: {
        user?: string;
        info?: any;
    };
    /**
     * From which position it delivers.
     */
    opened: (opening: Opening) => void;
    /**
     * A frame of `tidewire.v1`, or `page` with a position that is no heartbeat.
     */
    frame: (frame: object) => void;
    /**
     * The newest position, if the opening did not say it.
     */
    newest: (head: string) => void;
    /**
     * Anything has arrived.
     */
    received: () => void;
    /**
     * The connection has ended, or was never made.
     */
    lost: (error: TidewireError) => void;
};
export type Opening = {
    /**
     * The connection brings everything after it.
     */
    position: string;
    /**
     * The longest silence of a connection that lives.
     */
    heartbeatMs: number;
    /**
     * The newest position, if the wire knows it.
     */
    head?: string;
    /**
     * What the connection begins with, if that is not what the session asked for.
     */
    since?: string;
};
export type Connection = {
    /**
     * Ends it without a report.
     */
    close: () => void;
    /**
     * Sends a request of `tidewire.v1`. A wire without it changes its
     * channels by opening again.
     */
    request?: (frame: object) => Promise<any>;
};
export type State = {
    name: 'live' | 'catching up' | 'offline' | 'waiting' | 'refused' | 'closed';
    /**
     * The wire in use, or the one that is tried.
     */
    wire?: string;
    /**
     * `catching up`: how far it has come.
     */
    position?: string;
    /**
     * `catching up`, `live`: the newest message when the connection was made.
     */
    head?: string;
    /**
     * `catching up`: how many messages of the log are between them.
     */
    behind?: number;
    /**
     * `waiting`: when the next attempt is, in milliseconds since 1970.
     */
    until?: number;
    /**
     * Why there is no connection.
     */
    reason?: string;
    /**
     * `refused`: what to do about it.
     */
    help?: string;
    error?: TidewireError;
    /**
     * What may keep this client from a connection: see `Tide.warning`.
     */
    warning?: string;
};
export type Choice = {
    next: () => Wire;
    /**
     * It could not be opened, or fell silent. Whether to try another one at once.
     */
    failed: (wire: Wire) => unknown;
    /**
     * Whether there is another one to try if one does not open soon.
     */
    isMany: boolean;
    opened?: (wire: Wire) => void;
    /**
     * It has lived for a while. In what time to try a better one.
     */
    steady?: (wire: Wire) => number | undefined;
};
/**
 * @typedef {object} Wire A transport.
 * @property {string} name
 * @property {(session: Session) => Connection} open
 */
/**
 * @typedef {object} Session What a wire gets to connect, and what it reports.
 * @property {Wire} wire
 * @property {import('./server.js').Server} server
 * @property {object} io The clock, timers, `fetch`, `WebSocket` and so on.
 * @property {string[]} channels
 * @property {string} since
 * @property {{ user?: string, info?: any }} who
 * @property {(opening: Opening) => void} opened From which position it delivers.
 * @property {(frame: object) => void} frame A frame of `tidewire.v1`, or `page` with a position that is no heartbeat.
 * @property {(head: string) => void} newest The newest position, if the opening did not say it.
 * @property {() => void} received Anything has arrived.
 * @property {(error: TidewireError) => void} lost The connection has ended, or was never made.
 */
/**
 * @typedef {object} Opening
 * @property {string} position The connection brings everything after it.
 * @property {number} heartbeatMs The longest silence of a connection that lives.
 * @property {string} [head] The newest position, if the wire knows it.
 * @property {string} [since] What the connection begins with, if that is not what the session asked for.
 */
/**
 * @typedef {object} Connection
 * @property {() => void} close Ends it without a report.
 * @property {(frame: object) => Promise<any>} [request] Sends a request of `tidewire.v1`. A wire without it changes its
 *   channels by opening again.
 */
/**
 * @typedef {object} State
 * @property {'live' | 'catching up' | 'offline' | 'waiting' | 'refused' | 'closed'} name
 * @property {string} [wire] The wire in use, or the one that is tried.
 * @property {string} [position] `catching up`: how far it has come.
 * @property {string} [head] `catching up`, `live`: the newest message when the connection was made.
 * @property {number} [behind] `catching up`: how many messages of the log are between them.
 * @property {number} [until] `waiting`: when the next attempt is, in milliseconds since 1970.
 * @property {string} [reason] Why there is no connection.
 * @property {string} [help] `refused`: what to do about it.
 * @property {TidewireError} [error]
 * @property {string} [warning] What may keep this client from a connection: see `Tide.warning`.
 */
/**
 * @typedef {object} Choice Which wire comes next.
 * @property {() => Wire} next
 * @property {(wire: Wire) => unknown} failed It could not be opened, or fell silent. Whether to try another one at once.
 * @property {boolean} isMany Whether there is another one to try if one does not open soon.
 * @property {(wire: Wire) => void} [opened]
 * @property {(wire: Wire) => number | undefined} [steady] It has lived for a while. In what time to try a better one.
 */
/**
 * @param {object} parts
 * @param {import('./server.js').Server} parts.server
 * @param {Choice} parts.choice
 * @param {{ user?: string, info?: any }} parts.who
 * @param {object} parts.io
 * @param {(state: State) => void} parts.onstate
 */
export declare const link: ({ server, choice, who, io, onstate }: {
    server: import('./server.js').Server;
    choice: Choice;
    who: {
        user?: string;
        info?: any;
    };
    io: object;
    onstate: (state: State) => void;
}) => {
    readonly state: State;
    add(one: any): void;
    remove(one: any): void;
    /** Up to where the connection has brought everything, and the newest position when it was made. */
    readonly place: {
        position: any;
        head: any;
    };
    open: (reason?: string | undefined) => void;
    /** Sends a request of `tidewire.v1`, after what was subscribed before. There is none while no connection takes requests. */
    readonly request: any;
    /** Keeps a message from its own subscriptions: to be called before it is published, and its result with the position. */
    mute(): (place: any) => void;
    /** Something says that the network may be another one: tries at once, and does not trust a connection that is quiet. */
    wake(event: any): void;
    close(): void;
};
