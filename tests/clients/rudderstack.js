'use strict';

const Analytics = require('@rudderstack/rudder-sdk-node');

const analytics = new Analytics('key', {
    dataPlaneUrl: process.argv[2],
    errorHandler(error) { throw error; },
});

const order = {
    order_id: 'o-7', total: 39.9, currency: 'EUR', coupon: 'WELCOME',
    products: [{ product_id: 'mug', price: 13.3, quantity: 3 }],
};

analytics.page({ anonymousId: 'browser-2', name: 'Home', properties: { url: 'https://shop/' } });
analytics.identify({ userId: 'bob', anonymousId: 'browser-2', traits: { phone: '+14155550123' } });
analytics.track({ userId: 'bob', event: 'Coupon Applied', properties: { coupon_id: 'WELCOME' } });
analytics.track({ userId: 'bob', event: 'Order Completed', properties: order });
analytics.flush((error) => { if (error) throw error; });
