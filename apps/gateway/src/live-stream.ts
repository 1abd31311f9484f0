/** Whether a Content-Type is that of Server-Sent Events: a response that stays open. */
export const isEventStream = (contentType: unknown): boolean => /^text\/event-stream\b/i.test(String(contentType));
