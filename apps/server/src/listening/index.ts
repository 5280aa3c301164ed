export { answersWithin, listenOn, requireFree } from './listening.ts';
export { createListeners } from './open-listeners.ts';
