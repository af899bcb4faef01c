// The bundle of each card, made by the program with which HubSpot makes it after an upload.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { remoteBuild } from '@hubspot/ui-extensions-dev-server/build';

const root = resolve(import.meta.dirname, '..');
const cards = join(root, 'src/app/cards');
const output = join(root, 'dist');

for (const name of readdirSync(cards).filter((each) => each.endsWith('-hsmeta.json'))) {
  const { entrypoint } = JSON.parse(readFileSync(join(cards, name), 'utf8')).config;
  const file = join(root, 'src', entrypoint);
  if (!existsSync(file)) {
    throw new Error(`${name}: there is no ${entrypoint}`);
  }
  await remoteBuild({ root: cards, entryPoint: file, outputDir: output, logLevel: 'warn' });
}
for (const name of readdirSync(output)) {
  console.log(`built ${name}`);
}
