/**
 * Speaks for `session` what `send` takes. Pass each received frame to `handle`, and the end of the connection to `end`.
 *
 * @param {import('../link.js').Session} session
 * @param {(frame: object) => void} send
 */
export declare function frames({ server, received, opened, frame: pass }: import('../link.js').Session, send: (frame: object) => void): {
    request: (frame: any) => Promise<any>;
    handle(frame: any): void;
    end(error: any): void;
};
