'use strict';

const snowplow = require('@snowplow/node-tracker');

/* Snowplow's trackers of web and node alike post to /com.snowplowanalytics.snowplow/tp2,
 * or fetch /i. */
function tracker(namespace, eventMethod) {
    const { hostname, port } = new URL(process.argv[2]);
    const made = snowplow.newTracker(
        { namespace, appId: 'shop', encodeBase64: eventMethod === 'get' },
        {
            endpoint: hostname, port, protocol: 'http', eventMethod,
            onRequestFailure(failure) { throw new Error(failure.message); },
        });
    made.setDomainUserId('browser-3');
    return made;
}

const advert = { impressionId: 'i-1', campaignId: 'autumn', bannerId: 'b-1', costModel: 'cpm' };

async function visit() {
    const get = tracker('get', 'get');
    get.track(snowplow.buildPageView({ pageUrl: 'https://shop/', pageTitle: 'Home' }));
    get.track(snowplow.buildAdImpression(advert));
    await get.flush();

    const post = tracker('post', 'post');
    post.setUserId('cleo');
    post.track(snowplow.buildAdClick({ ...advert, clickId: 'k-1', targetUrl: 'https://shop/a' }));
    post.track(snowplow.buildSiteSearch({ terms: ['blue', 'mug'] }));
    await post.flush();
}
visit();
