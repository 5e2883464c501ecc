// node-redis against a Towline server: node node_redis.js PORT, on an empty server.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { createClient, WatchError } from 'redis';

const { version } = createRequire(import.meta.url)('redis/package.json');
const port = Number(process.argv[2]);
const check = (what, found, expected) => {
    assert.deepEqual(found, expected, what);
    console.log(`node-redis ${version}: ${what}`);
};

for (const RESP of [2, 3]) {
    const open = () => createClient({ socket: { host: '127.0.0.1', port }, RESP }).on('error', assert.fail).connect();
    const client = await open();
    const other = await open();
    await client.flushAll();
    check(`RESP${RESP}: set and get`, [await client.set('a', '1', { EX: 100 }), await client.get('a')], ['OK', '1']);
    check('multi', await client.multi().set('b', 1).incr('b').get('b').exec(), ['OK', 2, '2']);
    check('pipeline', await client.multi().set('c', 1).incr('c').execAsPipeline(), ['OK', 2]);

    const unknown = client.multi().set('f', 1).addCommand(['NO-SUCH-COMMAND']);
    const aborted = await unknown.exec().then(() => 'done', () => 'aborted');
    check('an aborted multi changes nothing', [aborted, await client.get('f')], ['aborted', null]);

    await client.watch('a');
    await other.set('a', 'changed');
    const lost = await client.multi().set('a', 'lost').exec().catch((error) => error);
    check('watch sees another client', [lost instanceof WatchError, await client.get('a')], [true, 'changed']);

    const keys = [];
    for await (const some of client.scanIterator({ MATCH: '[a-c]' })) keys.push(...some);
    check('scanIterator', keys.sort(), ['a', 'b', 'c']);
    check('del', await client.del(['a', 'b', 'none']), 2);
    client.destroy();
    other.destroy();
}
