// The project as HubSpot's own parser sees it, without an account: hsproject.json, where each component stands, uids,
// duplicates, parents. Which fields a component has, HubSpot tells only to a logged-in account (hs project validate);
// here that comes from component-fields.json, our own reading of the documentation.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { http } from '@hubspot/local-dev-lib/http';
import { isKnownPlatformVersion, parseProjectConfig } from '@hubspot/project-parsing-lib/projects';
import { isTranslationError, translate } from '@hubspot/project-parsing-lib/translate';

const root = resolve(process.argv[2] ?? join(import.meta.dirname, '..'));
const fields = JSON.parse(readFileSync(join(import.meta.dirname, 'component-fields.json'), 'utf8'));

http.get = async () => ({ data: fields });

try {
  const { platformVersion, srcDir } = parseProjectConfig(root);
  if (!isKnownPlatformVersion(platformVersion)) {
    throw new Error(`hsproject.json: HubSpot's tools do not know the platform version ${platformVersion}`);
  }
  const context = { projectSourceDir: join(root, srcDir), platformVersion, accountId: 1 };
  const { intermediateRepresentation, skippedHsMetaFiles } = await translate(context);
  if (skippedHsMetaFiles.length > 0) {
    throw new Error(`HubSpot would not look at ${skippedHsMetaFiles.join(', ')}`);
  }
  for (const node of Object.values(intermediateRepresentation.intermediateNodesIndexedByUid)) {
    console.log(`valid ${node.componentType} ${node.uid}`);
  }
} catch (error) {
  console.error(isTranslationError(error) ? error.toString() : error.message);
  process.exitCode = 1;
}
