import { DescriptionList, DescriptionListItem, EmptyState, Flex, Heading, List, Text } from '@hubspot/ui-extensions';

import type { Contact, NextProduct } from './contact';
import { shown } from './days';

const LISTED = 10;

interface Reader {
  readonly locale: string;
}

/** The whole card for a contact that was read; null: Lamplighter has written nothing about it. */
export function CardView({ contact, locale }: Reader & { contact: Contact | null }) {
  if (contact === null) {
    return <NotSeen />;
  }
  return (
    <Flex direction="column" gap="md">
      <Loyalty contact={contact} locale={locale} />
      <Next product={contact.next} />
      <Suppressed contact={contact} locale={locale} />
    </Flex>
  );
}

function NotSeen() {
  return (
    <EmptyState title="Lamplighter has not seen this contact yet" layout="vertical" imageName="contacts" imageWidth={120}>
      <Text>The card fills after the next sync, once this contact has bought or looked at something.</Text>
    </EmptyState>
  );
}

function Loyalty({ contact, locale }: Reader & { contact: Contact }) {
  return (
    <DescriptionList direction="row">
      <DescriptionListItem label="Loyalty tier">
        <Text>{contact.tier ?? 'None yet'}</Text>
      </DescriptionListItem>
      <DescriptionListItem label="Buying pattern (RFM)">
        <Text>{contact.cell ?? 'No purchase to judge by'}</Text>
      </DescriptionListItem>
      <DescriptionListItem label="Last purchase">
        <Text>{contact.lastPurchase === null ? 'None yet' : shown(contact.lastPurchase, locale)}</Text>
      </DescriptionListItem>
    </DescriptionList>
  );
}

function Next({ product }: { product: NextProduct | null }) {
  return (
    <Flex direction="column" gap="xs">
      <Heading>Next product</Heading>
      {product === null ? <Text>Nothing to suggest yet.</Text> : <Suggestion product={product} />}
    </Flex>
  );
}

function Suggestion({ product }: { product: NextProduct }) {
  return (
    <>
      <Text format={{ fontWeight: 'demibold' }}>{product.title}</Text>
      {product.why ? <Text>{`Why: ${product.why}`}</Text> : null}
      {product.id && product.id !== product.title ? <Text variant="microcopy">{`Product ${product.id}`}</Text> : null}
    </>
  );
}

function Suppressed({ contact, locale }: Reader & { contact: Contact }) {
  return (
    <Flex direction="column" gap="xs">
      <Heading>Ads held back</Heading>
      <Families contact={contact} locale={locale} />
    </Flex>
  );
}

function Families({ contact, locale }: Reader & { contact: Contact }) {
  const { suppressions, suppressedUntil } = contact;
  if (suppressions.length > 0) {
    return <Windows suppressions={suppressions} locale={locale} />;
  }
  return suppressedUntil === null ? (
    <Text>No ads are held back for this contact.</Text>
  ) : (
    <Text>{`For what this contact owns, until ${shown(suppressedUntil, locale)}.`}</Text>
  );
}

function Windows({ suppressions, locale }: Reader & Pick<Contact, 'suppressions'>) {
  const further = suppressions.length - LISTED;
  return (
    <>
      <List variant="unordered-styled">
        {suppressions.slice(0, LISTED).map((each) => (
          <Text key={each.family}>{`${each.title}: until ${shown(each.until, locale)}`}</Text>
        ))}
      </List>
      {further > 0 ? <Text variant="microcopy">{`and ${further} more`}</Text> : null}
    </>
  );
}
