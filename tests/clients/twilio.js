'use strict';

const querystring = require('node:querystring');
const { getExpectedTwilioSignature, validateRequest } = require('twilio');

/* twilio.js TOKEN URL BODY: signs a form as Twilio signs it for that URL. */
const [, , token, url, body] = process.argv;
const fields = { ...querystring.parse(body) };
const signature = getExpectedTwilioSignature(token, url, fields);

console.log(JSON.stringify({
    headers: { 'X-Twilio-Signature': signature },
    verified: validateRequest(token, signature, url, fields),
    altered_verified: validateRequest(token, signature, url, { ...fields, CallSid: 'CA2' }),
}));
