'use strict';

const { Analytics } = require('@segment/analytics-node');

const analytics = new Analytics({ writeKey: 'key', host: process.argv[2] });
analytics.on('error', (error) => { throw error; });

const offer = { promotion_id: 'spring', name: 'Spring sale', creative: 'banner' };
const ann = { userId: 'ann', anonymousId: 'browser-1' };

analytics.page({ anonymousId: 'browser-1', name: 'Home', properties: { url: 'https://shop/' } });
analytics.track({ anonymousId: 'browser-1', event: 'Promotion Viewed', properties: offer });
analytics.identify({ ...ann, traits: { email: 'ann@example.com', plan: 'gold' } });
analytics.track({ ...ann, event: 'Promotion Clicked', properties: offer });
analytics.screen({ ...ann, name: 'Basket' });
analytics.group({ ...ann, groupId: 'club' });
analytics.alias({ userId: 'ann', previousId: 'browser-0' });
analytics.closeAndFlush();
