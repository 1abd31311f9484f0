/** True for the content type of a live stream (server-sent events). */
export const isEventStream = (contentType: unknown): boolean => /^text\/event-stream\b/i.test(String(contentType));
