import { guideDoesWhatItSays } from '../testing/guide-test.ts';

guideDoesWhatItSays('policy.md', 15);
