import { readFileSync } from 'node:fs';
import { verifyLog } from '../src/log/verify.js';
const urls = JSON.parse(readFileSync('/tmp/lv/urls.json','utf8'));
const c0 = process.cpuUsage();
const v = await verifyLog({ source: { url: urls.runtime }, digestsToo: process.argv[2] !== 'nod' });
const c = process.cpuUsage(c0);
console.log(v, 'cpu', (c.user+c.system)/1e6, 'rss', process.memoryUsage().rss/1e6, process.resourceUsage().maxRSS/1e3);
