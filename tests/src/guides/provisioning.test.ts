import { guideDoesWhatItSays } from '../testing/guide-test.ts';

guideDoesWhatItSays('provisioning.md', 9);
