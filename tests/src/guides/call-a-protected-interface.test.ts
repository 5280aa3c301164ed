import { guideDoesWhatItSays } from '../testing/guide-test.ts';

guideDoesWhatItSays('call-a-protected-interface.md', 21);
