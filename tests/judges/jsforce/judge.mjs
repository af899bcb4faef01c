// jsforce against the sandbox Salesforce: one deed at a time, its findings on stdout as JSON.
//   node judge.mjs <deed>   with SANDBOX_URL, SANDBOX_TOKEN, CONSUMER_KEY, CONSUMER_SECRET
import jsforce from 'jsforce';

const { SANDBOX_URL: url, SANDBOX_TOKEN: token, CONSUMER_KEY: clientId, CONSUMER_SECRET: clientSecret } = process.env;
const version = '66.0';
const back = 'http://127.0.0.1:9/callback';

const byToken = () => new jsforce.Connection({ instanceUrl: url, accessToken: token, version });
const app = (more = {}) => ({ clientId, clientSecret, loginUrl: url, redirectUri: back, ...more });

const lever = (name, body = {}) =>
  fetch(`${url}/_sandbox/${name}`, { method: 'POST', body: JSON.stringify(body) }).then((answer) => answer.json());

const failure = (promise) => promise.then(() => null, (wrong) => ({ name: wrong.errorCode ?? wrong.name, message: wrong.message }));

const byBrowser = async () => {
  const oauth2 = new jsforce.OAuth2(app({ useVerifier: true }));
  const page = await fetch(oauth2.getAuthorizationUrl({ scope: 'api refresh_token' }), { redirect: 'manual' });
  const code = new URL(page.headers.get('location')).searchParams.get('code');
  const conn = new jsforce.Connection({ oauth2, version });
  await conn.authorize(code);
  return conn;
};

const contacts = (number, more = {}) =>
  Array.from({ length: number }, (_, at) => ({ LastName: `Reed ${at}`, Email: `reed.${at}@lamp.example`, ...more }));

const deeds = {
  async client_credentials() {
    const conn = new jsforce.Connection({ oauth2: app(), version });
    const user = await conn.authorize({ grant_type: 'client_credentials' });
    const who = await conn.identity();
    return { user, username: who.username, instanceUrl: conn.instanceUrl };
  },

  async wrong_secret() {
    const conn = new jsforce.Connection({ oauth2: app({ clientSecret: 'other' }), version });
    return failure(conn.authorize({ grant_type: 'client_credentials' }));
  },

  async password() {
    return failure(new jsforce.Connection({ loginUrl: url, version }).login('sync@lamp.example', 'secret'));
  },

  async rotation() {
    const conn = await byBrowser();
    const first = conn.refreshToken;
    const got = await conn.oauth2.refreshToken(first);
    const reuse = await failure(conn.oauth2.refreshToken(first));
    return { rotated: got.refresh_token !== first, reuse, after: await failure(conn.oauth2.refreshToken(got.refresh_token)) };
  },

  async expiry() {
    const conn = await byBrowser();
    let refreshed = 0;
    conn.on('refresh', () => (refreshed += 1));
    await lever('end_sessions');
    const found = await conn.query('SELECT COUNT() FROM Contact');
    return { refreshed, total: found.totalSize };
  },

  async revoke() {
    const conn = await byBrowser();
    await conn.oauth2.revokeToken(conn.accessToken);
    const answer = await fetch(`${url}/services/data/v${version}/limits`, { headers: { Authorization: `Bearer ${conn.accessToken}` } });
    return { status: answer.status, body: await answer.json() };
  },

  async describe() {
    const conn = byToken();
    const [contact, global] = [await conn.describe('Contact'), await conn.describeGlobal()];
    const email = contact.fields.find((one) => one.name === 'Email');
    return { name: contact.name, email: email.type, objects: global.sobjects.map((one) => one.name), keyPrefix: contact.keyPrefix };
  },

  async query() {
    const conn = byToken();
    const load = await conn.bulk2.loadAndWaitForResults({
      object: 'Contact', operation: 'insert', input: contacts(2_300), pollInterval: 20, pollTimeout: 60_000,
    });
    const fetched = await conn.query("SELECT Id, Name, Account.Name FROM Contact WHERE LastName LIKE 'Reed%'", {
      autoFetch: true, maxFetch: 10_000,
    });
    const page = await conn.query('SELECT Id FROM Contact');
    const next = await conn.queryMore(page.nextRecordsUrl);
    const chosen = await conn.sobject('Contact').find({ Email: 'reed.7@lamp.example' }, ['Id', 'LastName']).limit(5);
    return {
      loaded: load.successfulResults.length, fetched: new Set(fetched.records.map((one) => one.Id)).size, first: page.records.length,
      second: next.records.length, done: next.done, chosen: chosen.map((one) => one.LastName),
    };
  },

  async crud() {
    const conn = byToken();
    const made = await conn.sobject('Contact').create({ LastName: 'Muñoz', Email: 'm@lamp.example' });
    const read = await conn.sobject('Contact').retrieve(made.id);
    await conn.sobject('Contact').update({ Id: made.id, Email: null, Title: 'Buyer' });
    const changed = await conn.sobject('Contact').retrieve(made.id);
    const gone = await conn.sobject('Contact').destroy(made.id);
    const all = await conn.query(`SELECT IsDeleted FROM Contact WHERE Id = '${made.id}'`, { scanAll: true });
    const wrong = await failure(conn.sobject('Contact').create({ Email: 'nobody@lamp.example' }));
    return { made, read: read.LastName, email: changed.Email, title: changed.Title, gone: gone.success, deleted: all.records, wrong };
  },

  async collections() {
    const conn = byToken();
    const rows = [...contacts(250), { Email: 'no-name@lamp.example' }];
    const made = await conn.sobject('Contact').create(rows, { allowRecursive: true });
    const ids = made.filter((one) => one.success).map((one) => one.id);
    const changed = await conn.sobject('Contact').update(ids.map((Id) => ({ Id, Title: 'Buyer' })), { allowRecursive: true });
    const gone = await conn.sobject('Contact').destroy(ids, { allowRecursive: true });
    const failed = made.filter((one) => !one.success).map((one) => one.errors[0]);
    return { made: ids.length, failed, changed: changed.filter((one) => one.success).length, gone: gone.filter((one) => one.success).length };
  },

  async upsert() {
    const conn = byToken();
    const rows = contacts(3).map((one, at) => ({ ...one, Judge_Key__c: `k${at}` }));
    const first = await conn.sobject('Contact').upsert(rows, 'Judge_Key__c');
    const again = await conn.sobject('Contact').upsert({ Judge_Key__c: 'k1', LastName: 'Reeder' }, 'Judge_Key__c');
    const found = await conn.sobject('Contact').findOne({ Judge_Key__c: 'k1' }, ['LastName']);
    return { first: first.map((one) => one.created), again: again.created ?? false, name: found.LastName };
  },

  async bulk_query() {
    const conn = byToken();
    await conn.sobject('Contact').create(contacts(3, { Description: 'two\nlines, "quoted", Ünï' }));
    conn.bulk2.pollInterval = 20;
    const read = async (options) => {
      const stream = await conn.bulk2.query("SELECT Id, LastName, Description FROM Contact ORDER BY LastName", options);
      return stream.toArray();
    };
    const one = await conn.sobject('Contact').findOne({ LastName: 'Reed 0' }, ['Id']);
    await conn.sobject('Contact').destroy(one.Id);
    const [alive, all] = [await read({}), await read({ scanAll: true })];
    return { alive: alive.length, all: all.length, description: alive[0].Description };
  },

  async bulk_ingest() {
    const conn = byToken();
    const options = { object: 'Contact', pollInterval: 20, pollTimeout: 30_000 };
    const made = await conn.bulk2.loadAndWaitForResults({
      ...options, operation: 'insert', input: [{ LastName: 'Ångström', Description: 'a\nb "c", d', HasOptedOutOfEmail: true }, { LastName: '', Description: 'x', HasOptedOutOfEmail: false }],
    });
    const Id = made.successfulResults[0].sf__Id;
    const changed = await conn.bulk2.loadAndWaitForResults({ ...options, operation: 'update', input: [{ Id, Description: null }] });
    const read = await conn.sobject('Contact').retrieve(Id);
    const put = await conn.bulk2.loadAndWaitForResults({
      ...options, operation: 'upsert', externalIdFieldName: 'Judge_Key__c', input: `Judge_Key__c,LastName\nb1,One\nb2,Two\n`,
    });
    const job = conn.bulk2.createJob({ object: 'Contact', operation: 'delete' });
    await job.open();
    await job.uploadData([{ Id }]);
    await job.close();
    await job.poll(20, 30_000);
    const gone = await job.getSuccessfulResults();
    await job.delete();
    return {
      failed: made.failedResults[0].sf__Error, changed: changed.successfulResults.length, name: read.LastName,
      description: read.Description, optedOut: read.HasOptedOutOfEmail, put: put.successfulResults.map((one) => one.sf__Created), gone: gone.length,
    };
  },

  async bulk_failure() {
    const conn = byToken();
    const options = { object: 'Contact', operation: 'insert', pollInterval: 20, pollTimeout: 30_000 };
    return failure(conn.bulk2.loadAndWaitForResults({ ...options, input: 'LastName,Nonsense__c\nReed,1\n' }));
  },

  async session_ends_in_mid_job() {
    const conn = await byBrowser();
    const job = conn.bulk2.createJob({ object: 'Contact', operation: 'insert' });
    await job.open();
    await job.uploadData(contacts(5));
    await lever('end_sessions');
    await job.close();
    await lever('end_sessions');
    await job.poll(20, 30_000);
    await lever('end_sessions');
    return { made: (await job.getSuccessfulResults()).length };
  },

  async limits() {
    const conn = byToken();
    await conn.query('SELECT Id FROM Contact LIMIT 1');
    const limits = await conn.limits();
    return { info: conn.limitInfo.apiUsage, daily: limits.DailyApiRequests, jobs: limits.DailyBulkV2QueryJobs };
  },

  async no_calls_left() {
    await lever('settings', { daily_limit: 0 });
    return failure(byToken().query('SELECT Id FROM Contact LIMIT 1'));
  },
};

process.stdout.write(JSON.stringify(await deeds[process.argv[2]]()));
