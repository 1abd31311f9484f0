import { seedCatalogue } from '@rookery/devkit/client/catalogue-seed';
import { printFailure, Progress } from '@rookery/devkit/terminal/progress';
import { StackError } from '@rookery/devkit/terminal/stack-error';
import { takesNoArguments } from '@rookery/devkit/terminal/help';
import { authUrl, gatewayUrl, requireSystem } from '@rookery/devkit/client/addresses';
import { SignInFailed } from '@rookery/devkit/client/sign-in';

takesNoArguments(`Usage: npm run seed
Adds the demo catalogue to a running system, through its API, as the demo operator. What is there stays as it is.`);

// Fills the catalogue of a running stack that `npm start` did not start; products that are there stay as they are.
try {
  requireSystem();
  await seedCatalogue({ gatewayUrl, authUrl, progress: new Progress() });
} catch (error) {
  printFailure(error instanceof SignInFailed ? new StackError(error.message) : error);
  process.exit(1);
}
