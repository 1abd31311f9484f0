import { seedCatalogue } from '../stack/catalogue-seed';
import { printFailure, Progress } from '../stack/progress';
import { authUrl, gatewayUrl, sayWhichSystem } from './addresses';

// Fills the catalogue of a running stack that `npm start` did not start; products that are there stay as they are.
try {
  sayWhichSystem();
  await seedCatalogue({ gatewayUrl, authUrl, progress: new Progress() });
} catch (error) {
  printFailure(error);
  process.exit(1);
}
