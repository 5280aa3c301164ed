import { guideDoesWhatItSays } from '../testing/guide-test.ts';

guideDoesWhatItSays('mandates.md', 13, { alsoAsRoot: true });
