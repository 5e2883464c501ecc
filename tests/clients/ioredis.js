// ioredis against a Towline server: node ioredis.js PORT, on an empty server.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { Redis } from 'ioredis';

const { version } = createRequire(import.meta.url)('ioredis/package.json');
const port = Number(process.argv[2]);
const check = (what, found, expected) => {
    assert.deepEqual(found, expected, what);
    console.log(`ioredis ${version}: ${what}`);
};

const redis = new Redis(port, '127.0.0.1');
const other = new Redis(port, '127.0.0.1');
await redis.flushall();
check('set and get', [await redis.set('a', '1', 'EX', 100), await redis.get('a')], ['OK', '1']);
const done = [[null, 'OK'], [null, 2], [null, '2']];
check('pipeline', await redis.pipeline().set('b', 1).incr('b').get('b').exec(), done);
check('multi', await redis.multi().set('c', 1).incr('c').get('c').exec(), done);

const partly = await redis.multi().set('d', 'text').incr('d').set('e', 1).exec();
const failed = partly[1][0] instanceof Error;
check('an error within multi is its own', [partly[0][1], failed, partly[2][1]], ['OK', true, 'OK']);

const aborted = await redis.multi().set('f', 1).call('no-such-command').exec().then(() => 'done', () => 'aborted');
check('an aborted multi changes nothing', [aborted, await redis.get('f')], ['aborted', null]);

await redis.watch('a');
await other.set('a', 'changed');
const lost = await redis.multi().set('a', 'lost').exec();
check('watch sees another client', [lost, await redis.get('a')], [null, 'changed']);

await redis.multi({ pipeline: false });
await redis.set('g', 1);
check('multi without pipeline', await redis.exec(), [[null, 'OK']]);

const keys = [];
for await (const some of redis.scanStream({ match: '[a-c]' })) keys.push(...some);
check('scanStream', keys.sort(), ['a', 'b', 'c']);
check('del', await redis.del('a', 'b', 'none'), 2);
redis.disconnect();
other.disconnect();
