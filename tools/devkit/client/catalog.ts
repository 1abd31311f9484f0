import type { CreateProduct } from '@rookery/contracts';

const priced = (category: string, sku: string, name: string, amountMinor: number, stock: number, description: string) =>
  ({ sku, name, description, category, price: { amountMinor, currency: 'EUR' }, stock }) satisfies CreateProduct;

/** What a small shop for people who watch birds sells; prices in cents. */
export const catalog = [
  priced(
    'Books',
    'BOO-001',
    "The Raven's Almanac",
    2490,
    120,
    'A year of corvids, month by month. Hardcover, 240 pages.',
  ),
  priced('Books', 'BOO-002', 'Nests of the North', 3250, 80, 'Field guide to the nests of 180 northern birds.'),
  priced('Books', 'BOO-003', 'Birdsong by Ear', 1990, 150, 'Learn 60 songs in ten weeks; with recordings.'),
  priced('Books', 'BOO-004', 'The Patient Watcher', 1450, 60, 'Essays on sitting still.'),
  priced('Optics', 'OPT-001', 'Binoculars 8x42', 24900, 35, 'Bright all-round glasses, waterproof, 690 g.'),
  priced('Optics', 'OPT-002', 'Binoculars 10x32', 19900, 40, 'Light travel glasses, 520 g.'),
  priced('Optics', 'OPT-003', 'Spotting scope 20-60x80', 64900, 12, 'Angled eyepiece, with case.'),
  priced('Optics', 'OPT-004', 'Carbon tripod', 17900, 20, 'Carries 6 kg, weighs 1.4 kg.'),
  priced('Optics', 'OPT-005', 'Lens cleaning kit', 1290, 300, 'Brush, blower, two cloths.'),
  priced('Nest boxes', 'NES-001', 'Nest box, tits', 2290, 200, 'Larch, 28 mm hole.'),
  priced('Nest boxes', 'NES-002', 'Nest box, starlings', 2690, 140, 'Larch, 45 mm hole.'),
  priced('Nest boxes', 'NES-003', 'Owl box', 7490, 25, 'For tawny owls; hang at four metres.'),
  priced('Nest boxes', 'NES-004', 'Swift brick', 4990, 60, 'Built into the wall, three chambers.'),
  priced('Nest boxes', 'NES-005', 'Nest box camera', 8900, 45, 'Full HD, infrared, 10 m cable.'),
  priced('Feeders', 'FEE-001', 'Tube feeder', 2790, 180, 'Four perches, metal, squirrel-proof.'),
  priced('Feeders', 'FEE-002', 'Suet ball holder', 890, 400, 'Holds six.'),
  priced('Feeders', 'FEE-003', 'Window feeder', 1690, 220, 'Clear, with suction cups.'),
  priced('Feeders', 'FEE-004', 'Ground table', 3490, 50, 'Mesh bottom, dries quickly.'),
  priced('Food', 'FOO-001', 'Sunflower hearts, 5 kg', 1890, 500, 'No shells, no waste.'),
  priced('Food', 'FOO-002', 'Peanuts, 2.5 kg', 1390, 350, 'Tested for aflatoxin.'),
  priced('Food', 'FOO-003', 'Suet balls, box of 50', 1590, 260, 'Without nets.'),
  priced('Food', 'FOO-004', 'Dried mealworms, 1 kg', 1790, 160, 'For robins and wrens.'),
  priced('Clothing', 'CLO-001', 'Field cap', 2490, 90, 'Waxed cotton, olive.'),
  priced('Clothing', 'CLO-002', 'Rain jacket', 12900, 30, 'Quiet fabric that does not rustle.'),
  priced('Clothing', 'CLO-003', 'Fingerless gloves', 2190, 110, 'Merino, for cold focus wheels.'),
  priced('Clothing', 'CLO-004', 'Wool socks, three pairs', 2690, 130, 'Knee-high.'),
];
