import { guideDoesWhatItSays } from '../testing/guide-test.ts';

guideDoesWhatItSays('register-a-client.md', 15);
