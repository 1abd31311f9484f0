export * from './jitter';
export * from './load-shedding/adaptive-limit';
export * from './load-shedding/event-loop-delay';
export * from './load-shedding/load-shedder';
