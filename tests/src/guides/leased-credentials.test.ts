import { guideDoesWhatItSays } from '../testing/guide-test.ts';

guideDoesWhatItSays('leased-credentials.md', 8, { alsoAsRoot: true });
