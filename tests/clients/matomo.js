'use strict';

const http = require('node:http');
const MatomoTracker = require('matomo-tracker');

/* track() never reads its answer: a connection kept alive would keep this program waiting. */
http.globalAgent = new http.Agent({ keepAlive: false });

const matomo = new MatomoTracker(1, process.argv[2] + '/matomo.php');
matomo.on('error', (error) => { throw error; });

const visitor = { _id: '0123456789abcdef', url: 'https://shop/' };
const content = { c_n: 'easter', c_p: 'banner', c_t: 'https://shop/easter' };

matomo.track({ ...visitor, action_name: 'Home' });
matomo.trackBulk([
    { ...visitor, ...content, cdt: '2024-03-01 10:00:00' },
    { ...visitor, ...content, cdt: '2024-03-01 10:00:05', c_i: 'click', uid: 'dora' },
    { ...visitor, cdt: '2024-03-01 10:00:09', uid: 'dora', search: 'mug' },
], () => {});
