import { guideDoesWhatItSays } from '../testing/guide-test.ts';

guideDoesWhatItSays('decisions.md', 18);
