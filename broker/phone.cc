#include "broker/phone.h"

#include <cstring>
#include <string>
#include <unordered_map>

#include <phonenumbers/phonenumberutil.h>

using i18n::phonenumbers::PhoneNumber;
using i18n::phonenumbers::PhoneNumberUtil;

static const size_t cache_max = 4096;

/* Empty when it is no valid number. */
static std::string
e164(const std::string &text, const std::string &region)
{
    const PhoneNumberUtil *util = PhoneNumberUtil::GetInstance();
    PhoneNumber number;
    std::string out;

    if (util->Parse(text, region, &number) == PhoneNumberUtil::NO_PARSING_ERROR
        && !number.has_extension() && util->IsValidNumber(number))
        util->Format(number, PhoneNumberUtil::E164, &out);
    return out;
}

/* Out of memory ends the program, as everywhere in a daemon. */
bool
phone_e164(char out[PHONE_BYTES], const char *text, size_t len, const char region[3])
{
    static std::unordered_map<std::string, std::string> cache;
    const std::string where(region), raw(text, len);

    if (cache.size() >= cache_max)
        cache.clear();
    auto [entry, is_new] = cache.try_emplace(where + raw);
    if (is_new)
        entry->second = e164(raw, where);
    const std::string &found = entry->second;
    if (found.empty() || found.size() >= PHONE_BYTES)
        return false;
    std::memcpy(out, found.c_str(), found.size() + 1);
    return true;
}
