import { guideDoesWhatItSays } from '../testing/guide-test.ts';

guideDoesWhatItSays('verify-evidence.md', 11);
