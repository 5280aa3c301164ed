import { guideDoesWhatItSays } from '../testing/guide-test.ts';

guideDoesWhatItSays('https-in-development.md', 3);
