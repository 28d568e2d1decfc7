#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "net/result.hpp"
#include "net/text.hpp"
#include "net/time.hpp"

// Values as JSON and back, exactly: one function `fields(visitor, value)` per struct names its members, and serves both
// directions. Reading is strict (an unknown, missing or mistyped key is an error that names it): a record of what was
// seen is not guessed at.
namespace aggmedic::probes::json_fields {

using nlohmann::json;

// Bytes that are no UTF-8 (a CN can hold anything) become {"b64": "..."}, so that what is read back is what was seen.
json encode_text(const std::string& text);
bool decode_text(const json& value, std::string& text);

class Writer {
  public:
    template <class T>
    void operator()(const char* key, const T& value) {
        object_[key] = encode(value);
    }
    template <class T>
    void optional(const char* key, const T& value) {
        object_[key] = encode(value);
    }
    // Written only where it says something, so that the digest of an older record stays what it was.
    template <class T>
    void unless_empty(const char* key, const T& value) {
        if (!value.empty()) object_[key] = encode(value);
    }
    json take() { return std::move(object_); }

    template <class T>
    static json encode(const T& value) {
        if constexpr (std::is_same_v<T, std::string>) {
            return encode_text(value);
        } else if constexpr (std::is_same_v<T, TimePoint>) {
            return value.time_since_epoch().count();
        } else if constexpr (std::is_enum_v<T>) {
            return name(value);  // so that a record outlives the order of enumerators
        } else if constexpr (std::is_arithmetic_v<T>) {
            return value;
        } else if constexpr (requires { value.why(); }) {  // Seen
            if (value) return {{"seen", encode(*value)}};
            return {{"reason", encode_text(value.why().reason)}, {"detail", encode_text(value.why().detail)}};
        } else if constexpr (requires { typename T::mapped_type; }) {
            json list = json::array();  // as pairs: a key may be any bytes
            for (const auto& [key, mapped] : value) list.push_back({encode(key), encode(mapped)});
            return list;
        } else if constexpr (requires { typename T::iterator; }) {
            json list = json::array();
            for (const auto& element : value)
                list.push_back(encode(static_cast<const typename T::value_type&>(element)));
            return list;
        } else if constexpr (requires { value.has_value(); }) {  // optional
            return value ? encode(*value) : json(nullptr);
        } else {
            Writer writer;
            fields(writer, value);
            return writer.take();
        }
    }

  private:
    json object_ = json::object();
};

class Reader {
  public:
    // `error` receives the first fault, with the path of its key.
    Reader(const json& object, std::string path, std::string& error)
        : object_(object), path_(std::move(path)), error_(error) {
        if (!object_.is_object()) complain("", "is no object");
    }
    // Complains about keys that no field asked for.
    void finish() {
        if (!error_.empty()) return;
        for (const auto& [key, value] : object_.items()) {
            if (read_.find(key) == read_.end()) complain(printable(key, 64), "is not known");
        }
    }

    template <class T>
    void operator()(const char* key, T& value) {
        if (!error_.empty()) return;
        const auto found = object_.find(key);
        if (found == object_.end()) return complain(key, "is missing");
        read_[key] = true;
        decode(*found, value, path_ + "." + key);
    }

    // A key that older records lack; the value stays as it is then.
    template <class T>
    void optional(const char* key, T& value) {
        if (error_.empty() && object_.contains(key)) (*this)(key, value);
    }
    template <class T>
    void unless_empty(const char* key, T& value) {
        optional(key, value);
    }

  private:
    void complain(const std::string& key, const char* what) {
        if (error_.empty()) error_ = (key.empty() ? path_ : path_ + "." + key) + " " + what;
    }
    void refuse(const std::string& path, const char* what) {
        if (error_.empty()) error_ = path + " " + what;
    }

    template <class T>
    void decode(const json& from, T& value, const std::string& path) {
        if (!error_.empty()) return;
        if constexpr (std::is_same_v<T, std::string>) {
            if (!decode_text(from, value)) refuse(path, "is no text");
        } else if constexpr (std::is_same_v<T, TimePoint>) {
            std::int64_t count = 0;
            decode(from, count, path);
            value = TimePoint(std::chrono::milliseconds(count));
        } else if constexpr (std::is_enum_v<T>) {
            for (const auto each : every(T{})) {
                if (from.is_string() && from == name(each)) return void(value = each);
            }
            refuse(path, "is none of its words");
        } else if constexpr (std::is_same_v<T, bool>) {
            if (!from.is_boolean()) return refuse(path, "is no boolean");
            value = from.get<bool>();
        } else if constexpr (std::is_floating_point_v<T>) {
            if (!from.is_number()) return refuse(path, "is no number");
            value = from.get<T>();
        } else if constexpr (std::is_integral_v<T>) {
            decode_integer(from, value, path);
        } else if constexpr (requires { value.why(); }) {
            decode_seen(from, value, path);
        } else if constexpr (requires { typename T::mapped_type; }) {
            if (!from.is_array()) return refuse(path, "is no list of pairs");
            for (const auto& pair : from) {
                if (!pair.is_array() || pair.size() != 2) return refuse(path, "is no list of pairs");
                typename T::key_type key;
                decode(pair[0], key, path);
                const auto [at, added] = value.try_emplace(std::move(key));
                if (!added) return refuse(path, "has a key twice");
                decode(pair[1], at->second, path + "[" + printable(at->first, 64) + "]");
            }
        } else if constexpr (requires { typename T::iterator; }) {
            if (!from.is_array()) return refuse(path, "is no list");
            for (const auto& element : from) {
                typename T::value_type next{};
                decode(element, next, path + "[" + std::to_string(value.size()) + "]");
                value.push_back(std::move(next));
            }
        } else if constexpr (requires { value.has_value(); }) {
            if (from.is_null()) return value.reset();
            decode(from, value.emplace(), path);
        } else {
            Reader reader(from, path, error_);
            fields(reader, value);
            reader.finish();
        }
    }

    template <class T>
    void decode_integer(const json& from, T& value, const std::string& path) {
        if (!from.is_number_integer()) return refuse(path, "is no whole number");
        bool fits = false;
        if (from.is_number_unsigned()) {
            fits = from.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<T>::max());
        } else if constexpr (std::is_signed_v<T>) {
            const auto number = from.get<std::int64_t>();
            fits = number >= std::numeric_limits<T>::min() && number <= std::numeric_limits<T>::max();
        }
        if (!fits) return refuse(path, "is out of range");
        value = from.get<T>();
    }

    template <class S>
    void decode_seen(const json& from, S& value, const std::string& path) {
        if (!from.is_object()) return refuse(path, "is no object");
        if (const auto seen = from.find("seen"); seen != from.end()) {
            std::decay_t<decltype(*value)> inner{};
            decode(*seen, inner, path + ".seen");
            value = S(std::move(inner));
            return;
        }
        std::decay_t<decltype(value.why())> why;
        Reader reader(from, path, error_);
        reader("reason", why.reason);
        reader("detail", why.detail);
        reader.finish();
        value = S(std::move(why));
    }

    const json& object_;
    std::string path_;
    std::string& error_;
    std::map<std::string, bool> read_;
};

template <class T>
Result<T> read(std::string_view text, const std::string& what) {
    const auto document = json::parse(text, nullptr, false);
    if (document.is_discarded()) return fail(Errc::malformed_reply, what + " is no JSON");
    T value{};
    std::string error;
    Reader reader(document, what, error);
    fields(reader, value);
    reader.finish();
    if (!error.empty()) return fail(Errc::malformed_reply, error);
    return value;
}

}  // namespace aggmedic::probes::json_fields

// Opens the function that names the members of `Type`: `V` is Writer or Reader, `x` a value of it, const or not.
#define AGGMEDIC_FIELDS(Type)                                 \
    template <class V, class T>                               \
        requires std::is_same_v<std::remove_const_t<T>, Type> \
    void fields(V& v, T& x)
