'use strict';

const { CloudEvent, HTTP, emitterFor, httpTransport, Mode } = require('cloudevents');

const sink = httpTransport(process.argv[2] + '/v1/events');
const structured = emitterFor(sink, { binding: HTTP, mode: Mode.STRUCTURED });
const binary = emitterFor(sink, { binding: HTTP, mode: Mode.BINARY });

const ours = new CloudEvent({
    id: 'c-1', source: '/crm', type: 'offer.made', datacontenttype: 'application/json',
    data: {
        identifiers: [{ type: 'crm', value: '4711' }], channel: 'mail',
        offers: [{ offer: 'winter', outcome: 'made' }],
    },
});
const foreign = new CloudEvent({
    id: 'c-2', source: '/crm', type: 'com.example.letter.printed', subject: 'crm:4711',
    datacontenttype: 'application/json', data: { pages: 2 },
});

async function send() {
    for (const [emit, event] of [[structured, ours], [binary, foreign]]) {
        const answer = await emit(event);
        console.log(answer.body);
    }
}
send();
