#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <array>
#include <filesystem>
#include <memory>

#include "base/file.h"

namespace citer::test {

/// Writes a key and a certificate for localhost, by name and by address, that it signed itself.
inline void write_certificate(const std::filesystem::path& certificate,
                              const std::filesystem::path& key) {
  const auto keys = std::shared_ptr<EVP_PKEY>(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const auto x509 = std::shared_ptr<X509>(X509_new(), X509_free);
  X509_set_version(x509.get(), 2);
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), 3600);
  X509_set_pubkey(x509.get(), keys.get());
  X509_NAME* name = X509_get_subject_name(x509.get());
  const std::array<unsigned char, 10> host = {'l', 'o', 'c', 'a', 'l', 'h', 'o', 's', 't', 0};
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, host.data(), -1, -1, 0);
  X509_set_issuer_name(x509.get(), name);
  const auto names = std::shared_ptr<X509_EXTENSION>(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1"),
      X509_EXTENSION_free);
  X509_add_ext(x509.get(), names.get(), -1);
  X509_sign(x509.get(), keys.get(), EVP_sha256());
  const FilePtr out(std::fopen(certificate.c_str(), "wb"));
  PEM_write_X509(out.get(), x509.get());
  const FilePtr key_out(std::fopen(key.c_str(), "wb"));
  PEM_write_PrivateKey(key_out.get(), keys.get(), nullptr, nullptr, 0, nullptr, nullptr);
}

}  // namespace citer::test
