'use strict';

const { createSign, generateKeyPairSync } = require('node:crypto');
const fs = require('node:fs');
const { EventWebhook, EventWebhookHeader } = require('@sendgrid/eventwebhook');

/* sendgrid.js BODY SECONDS KEY: signs a body as of then with a new key, lets SendGrid's
 * own code say what that is worth, and leaves the public key in a file. */
const [, , bodyPath, timestamp, keyPath] = process.argv;
const body = fs.readFileSync(bodyPath);
const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'prime256v1',
    publicKeyEncoding: { type: 'spki', format: 'der' },
});
const key = publicKey.toString('base64');
const signature = createSign('sha256').update(timestamp).update(body).sign(privateKey, 'base64');

function verified(text) {
    const webhook = new EventWebhook();
    return webhook.verifySignature(webhook.convertPublicKeyToECDSA(key), text, signature, timestamp);
}

fs.writeFileSync(keyPath, key + '\n');
console.log(JSON.stringify({
    headers: {
        [EventWebhookHeader.SIGNATURE()]: signature,
        [EventWebhookHeader.TIMESTAMP()]: timestamp,
    },
    verified: verified(body),
    altered_verified: verified(body + ' '),
}));
