import { guideDoesWhatItSays } from '../testing/guide-test.ts';

guideDoesWhatItSays('people.md', 8);
