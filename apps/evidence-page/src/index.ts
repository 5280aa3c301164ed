// First, as the rooms of the verifier use the global `Buffer` while they load.
import './shims/buffer.ts';
import { start } from './page/start.ts';

start();
