#include "adapters/formats.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "adapters/call/ami.h"
#include "adapters/call/cdr.h"
#include "adapters/call/cel.h"
#include "adapters/call/connect.h"
#include "adapters/call/freeswitch.h"
#include "adapters/call/queue_log.h"
#include "adapters/call/twilio.h"
#include "adapters/csv/mapped.h"
#include "adapters/email/arf.h"
#include "adapters/email/blast.h"
#include "adapters/email/brevo.h"
#include "adapters/email/dsn.h"
#include "adapters/email/mailbox.h"
#include "adapters/email/mailersend.h"
#include "adapters/email/mailgun.h"
#include "adapters/email/mailjet.h"
#include "adapters/email/mailtrap.h"
#include "adapters/email/mandrill.h"
#include "adapters/email/oneclick.h"
#include "adapters/email/postfix.h"
#include "adapters/email/postmark.h"
#include "adapters/email/resend.h"
#include "adapters/email/sendgrid.h"
#include "adapters/email/ses.h"
#include "adapters/email/sparkpost.h"
#include "adapters/email/webhook.h"
#include "adapters/pos/poslog.h"
#include "adapters/pos/shopify.h"
#include "adapters/pos/square.h"
#include "adapters/pos/woocommerce.h"
#include "adapters/reader.h"
#include "adapters/web/accesslog.h"
#include "adapters/web/cloudevents.h"
#include "adapters/web/complaints.h"
#include "adapters/web/feed.h"
#include "adapters/web/ga4.h"
#include "adapters/web/intake.h"
#include "adapters/web/matomo.h"
#include "adapters/web/review.h"
#include "adapters/web/segmentio.h"
#include "adapters/web/snowplow.h"
#include "base/zone.h"

const struct format formats[] = {
    {"csv", "tables with a header row, read by a map (touchline-map(5))", "", true, mapped_open,
     mapped_feed, mapped_end, mapped_close},
    {"asterisk-ami", "Asterisk's manager interface, with agents' UserEvents", "call", false,
     ami_open, reader_feed, reader_end, reader_close},
    {"asterisk-queue-log", "what happened in Asterisk's queues", "call", false, queue_log_open,
     reader_feed, reader_end, reader_close},
    {"asterisk-cdr", "Asterisk's call detail records, Master.csv", "call", false, cdr_open,
     reader_feed, reader_end, reader_close},
    {"asterisk-cel", "Asterisk's channel event log, Master.csv of cel_custom", "call", false,
     cel_open, reader_feed, reader_end, reader_close},
    {"freeswitch", "FreeSWITCH's event socket, plain or JSON", "call", false, freeswitch_open,
     reader_feed, reader_end, reader_close},
    {"twilio", "Twilio's status callbacks for calls, bodies or requests", "call", false,
     twilio_open, intake_feed, intake_end, intake_close},
    {"amazon-connect", "Amazon Connect's contact events and contact records", "call", false,
     connect_open, intake_feed, intake_end, intake_close},
    {"sendgrid", "Twilio SendGrid Event Webhook bodies", "email", false, sendgrid_open,
     webhook_feed, webhook_end, webhook_close},
    {"mailgun", "Mailgun webhook bodies, and the older forms", "email", false,
     mailgun_open, webhook_feed, webhook_end, webhook_close},
    {"ses", "Amazon SES events and notifications, raw or as SNS, SQS, Lambda wrap them", "email",
     false, ses_open, webhook_feed, webhook_end, webhook_close},
    {"postmark", "Postmark webhook bodies", "email", false,
     postmark_open, webhook_feed, webhook_end, webhook_close},
    {"sparkpost", "SparkPost event webhook bodies", "email", false,
     sparkpost_open, webhook_feed, webhook_end, webhook_close},
    {"mandrill", "Mandrill (Mailchimp Transactional) webhook forms", "email", false,
     mandrill_open, webhook_feed, webhook_end, webhook_close},
    {"mailjet", "Mailjet event callbacks", "email", false,
     mailjet_open, webhook_feed, webhook_end, webhook_close},
    {"brevo", "Brevo (Sendinblue) webhook bodies", "email", false,
     brevo_open, webhook_feed, webhook_end, webhook_close},
    {"resend", "Resend webhook bodies", "email", false,
     resend_open, webhook_feed, webhook_end, webhook_close},
    {"mailersend", "MailerSend webhook bodies", "email", false,
     mailersend_open, webhook_feed, webhook_end, webhook_close},
    {"mailtrap", "Mailtrap webhook bodies", "email", false,
     mailtrap_open, webhook_feed, webhook_end, webhook_close},
    {"blast", "a mailing as it was sent (.eml, mbox): offers made", "email", false,
     blast_open, mailbox_feed, mailbox_end, mailbox_close},
    {"dsn", "mail that came back (RFC 3464, and without a standard)", "email", false,
     dsn_open, mailbox_feed, mailbox_end, mailbox_close},
    {"arf", "complaints from mailbox providers (RFC 5965)", "email", false,
     arf_open, mailbox_feed, mailbox_end, mailbox_close},
    {"one-click", "one-click unsubscribes (RFC 8058), requests", "email", false, oneclick_open,
     intake_feed, intake_end, intake_close},
    {"postfix", "Postfix mail logs", "email", false, postfix_open, postfix_feed, postfix_end,
     postfix_close},
    {"poslog", "ARTS / IXRetail POSLog XML, with NCR ACS extensions", "pos", false, poslog_open,
     poslog_feed, poslog_end, poslog_close},
    {"square", "Square's webhooks, bodies or requests", "pos", false, square_open, intake_feed,
     intake_end, intake_close},
    {"woocommerce", "WooCommerce's webhooks, bodies or requests", "pos", false, woocommerce_open,
     intake_feed, intake_end, intake_close},
    {"shopify", "Shopify's webhooks and resources, bodies or requests", "pos", false, shopify_open,
     intake_feed, intake_end, intake_close},
    {"segment", "calls of Segment's and RudderStack's SDKs, bodies or requests", "web", false,
     segmentio_open, intake_feed, intake_end, intake_close},
    {"snowplow", "Snowplow's tracker protocol, tp2 bodies or requests", "web", false,
     snowplow_open, intake_feed, intake_end, intake_close},
    {"matomo", "Matomo's tracking API: queries, forms, bulk requests", "web", false, matomo_open,
     intake_feed, intake_end, intake_close},
    {"ga4", "Google Analytics 4's Measurement Protocol, bodies or requests", "web", false, ga4_open,
     intake_feed, intake_end, intake_close},
    {"cloudevents", "CloudEvents 1.0: JSON or protobuf, batches, binary mode", "", false,
     cloudevents_open, intake_feed, intake_end, intake_close},
    {"access-log", "web servers' logs, combined format", "web", false, accesslog_open, reader_feed,
     reader_end, reader_close},
    {"feed", "RSS, Atom and JSON Feed", "feed", false, feed_open, reader_feed, reader_end,
     reader_close},
    {"review", "schema.org Reviews, JSON-LD", "feed", false, review_open, reader_feed, reader_end,
     reader_close},
    {"complaints", "the US CFPB's complaint exports, CSV or lines of JSON", "feed", false,
     complaints_open, complaints_feed, complaints_end, complaints_close},
    {0},
};

const struct format *
format_find(const char *name)
{
    for (const struct format *f = formats; f->name != NULL; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

#define SOURCE_BYTES_MAX 256    /* PROTOCOL.md, limits */

static bool
is_region(const char *text)
{
    return strlen(text) == 2 && isalpha((unsigned char)text[0]) && isalpha((unsigned char)text[1]);
}

int
format_options_check(const struct format_options *o, char why[FORMAT_WHY_BYTES])
{
    struct zone *zone = NULL;
    int err = -1;

    if (o->source != NULL && (o->source[0] == '\0' || strlen(o->source) > SOURCE_BYTES_MAX))
        snprintf(why, FORMAT_WHY_BYTES, "a source has 1 to %d bytes", SOURCE_BYTES_MAX);
    else if (o->region != NULL && !is_region(o->region))
        snprintf(why, FORMAT_WHY_BYTES, "`%.100s' is no region of two letters, as in DE",
                 o->region);
    else
        err = o->timezone == NULL ? 0 : zone_open(&zone, o->timezone, why);
    zone_close(&zone);
    return err;
}
