import { guideDoesWhatItSays } from '../testing/guide-test.ts';

guideDoesWhatItSays('application-models.md', 11);
