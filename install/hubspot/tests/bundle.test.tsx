// What HubSpot would run: the built bundle, in a worker as HubSpot's, with HubSpot's own hook and not a mock of it.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { runInNewContext } from 'node:vm';

import { createRenderer } from '@hubspot/ui-extensions/testing';
import * as RemoteUI from '@remote-ui/react';
import * as React from 'react';
import { expect, it } from 'vitest';

const DIST = resolve(import.meta.dirname, '../dist');

type Card = (api: object) => React.ReactNode;

function loaded(properties: Record<string, string | null>) {
  const asked: string[][] = [];
  const cards: Card[] = [];
  const self = {
    __HUBSPOT_EXTENSION_WORKER__: true,
    extend_V2: (card: Card) => cards.push(card),
    hsWorkerAPI: {
      fetchCrmProperties: async (names: string[]) => {
        asked.push(names);
        return { json: async () => ({ data: properties }) };
      },
    },
  };
  runInNewContext(readFileSync(resolve(DIST, 'ContactCard.js'), 'utf8'), { self, React, RemoteUI, Intl, Date });
  return { asked, card: cards[0]! };
}

it('registers one card, reads the contact through HubSpot and shows it', async () => {
  const { asked, card } = loaded({ lamplighter_loyalty_tier: 'silver' });
  const renderer = createRenderer('crm.record.sidebar');
  renderer.render(<>{card({ context: renderer.mocks.context })}</>);
  await renderer.waitFor(() => expect(renderer.getRootNode().toString()).toContain('Silver'));
  expect(asked).toHaveLength(1);
});

it('tells HubSpot beforehand which properties it reads, and contains no way to call out', () => {
  const manifest = JSON.parse(readFileSync(resolve(DIST, 'ContactCard-manifest.json'), 'utf8'));
  expect(manifest.dataDeps).toHaveLength(1);
  expect(manifest.dataDeps[0].properties.recordProperties).toHaveLength(8);
  const ours = manifest.modules.internal.map((each: { module: string }) => readFileSync(resolve(DIST, '../src/app/cards', each.module), 'utf8'));
  expect(ours.join('\n')).not.toMatch(/fetch\(|serverless|XMLHttpRequest|WebSocket|https?:/);
});
