// Ends what the global set-ups started, whichever of them did: the apps before what they stand on.
export default async function tearDown() {
  await globalThis.rookeryStack?.stop();
  delete globalThis.rookeryStack;
  await globalThis.rookeryInfrastructure?.stop();
  delete globalThis.rookeryInfrastructure;
}
