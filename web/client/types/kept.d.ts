/**
 * Messages of an outbox in IndexedDB, for the case that their page is gone before they are sent. Each belongs to one
 * page, which holds a Web Lock as long as it lives. What a dead page has left is adopted by one other.
 */
/**
 * Opens the store `name`, and resolves to it once what is left from dead pages has been handed to `adopt(messages)`, in the
 * order in which they were published. What a page leaves that still lives follows when it is gone.
 */
export declare function openKept(name: any, adopt: any): Promise<{
    /** Keeps `message` until it is removed. */
    add(message: any): Promise<any>;
    remove({ at }: {
        at: any;
    }): Promise<void>;
    close(): void;
}>;
/** 128 random bits. A page without TLS has no `randomUUID`. */
export declare const randomId: () => string;
