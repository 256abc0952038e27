#include "dicom/dcmtk/association.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>

#include "dicom/dcmtk/elements.h"
#include "dicom/dcmtk/instance_stream.h"
#include "dicom/dcmtk/socket.h"
#include "dicom/transfer_syntaxes.h"
#include "nnunet/core/error.h"
#include "nnunet/core/log.h"

namespace nnunet::dicom {
namespace {

using Status = StoreAnswer::Status;

/// Titles come from the network: what is no printable letter is not shown. Blanks around them do not count.
std::string title_text(std::string_view title) {
  const std::size_t first = title.find_first_not_of(' '), last = title.find_last_not_of(' ');
  std::string text(first == std::string_view::npos ? "" : title.substr(first, last - first + 1));
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

/// All kinds of objects, so that also those that are of no use here are taken and forgotten: archives go on asking
/// otherwise.
bool is_storage_class(std::string_view uid) {
  return uid.starts_with("1.2.840.10008.5.1.4.1.1.");
}

/// Those that are read (docs/dicom.md), as far as this DCMTK knows them.
bool is_taken(const std::string& syntax, bool echo) {
  const E_TransferSyntax s = DcmXfer(syntax.c_str()).getXfer();
  if (s == EXS_LittleEndianImplicit || s == EXS_LittleEndianExplicit) return true;
  return !echo && s != EXS_Unknown && is_known(syntax);
}

/// While an instance is on its way.
class Busy {
 public:
  explicit Busy(AssociationState& state) : state_(state) { state_.busy = true; }
  ~Busy() {
    state_.idle_since = std::chrono::steady_clock::now();
    state_.busy = false;
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  AssociationState& state_;
};

/// The file's own group, which a data set that was sent does not have.
bool write_header(const std::filesystem::path& file, const T_DIMSE_C_StoreRQ& request,
                  const T_ASC_Association& association, T_ASC_PresentationContextID context) {
  DcmOutputFileStream* stream = nullptr;
  const OFCondition made = DIMSE_createFilestream(file.c_str(), &request, &association, context, 1, &stream);
  const std::unique_ptr<DcmOutputFileStream> owner(stream);
  if (made.bad()) return false;
  stream->flush();
  return stream->good();
}

DcmSharedSCPConfig configuration(const StorageServerOptions& options) {
  DcmSCPConfig config;
  const auto seconds = static_cast<Uint32>(options.timeout.count());
  config.setAETitle(options.ae_title.c_str());
  config.setMaxReceivePDULength(static_cast<Uint32>(options.max_pdu));
  config.setDIMSEBlockingMode(DIMSE_NONBLOCKING);
  config.setDIMSETimeout(seconds);
  config.setACSETimeout(seconds);
  return DcmSharedSCPConfig(config);
}

}  // namespace

Association::Association(const StorageServerOptions& options, StorageHandler& handler, AssociationState& state,
                         bool is_full)
    : options_(options), handler_(handler), state_(state), is_full_(is_full) {
  setSharedConfig(configuration(options));
}

void Association::run_to_end(T_ASC_Association* association) {
  association_ = association;
  run(association);
  state_.over = true;
  constexpr int seconds = 2;  // that the caller has to close the connection first, as DICOM wants it
  ASC_dropSCPAssociation(association, seconds);
}

void Association::notifyAssociationRequest(const T_ASC_Parameters& /*parameters*/, DcmSCPActionType& action) {
  if (is_full_) action = DCMSCP_ACTION_REFUSE_ASSOCIATION;
}

void Association::refuseAssociation(const DcmRefuseReasonType reason) {
  if (is_full_)
    log::warn(fmt::format("an association from {} is refused: {} are open already", state_.address,
                          options_.max_associations));
  DcmThreadSCP::refuseAssociation(is_full_ ? DCMSCP_TOO_MANY_ASSOCIATIONS : reason);
}

OFBool Association::checkCalledAETitleAccepted(const OFString& title) {
  if (title_text(title.c_str()) == title_text(options_.ae_title)) return OFTrue;
  log::warn(fmt::format("an association from {} is refused: it asks for the AE title {}", state_.address,
                        title_text(title.c_str())));
  return OFFalse;
}

bool Association::is_allowed(const std::string& title) const {
  if (options_.allowed.empty()) return true;
  const auto is_address_of = [&](const std::string& host) {
    const auto addresses = ipv4_addresses(host);
    return std::ranges::find(addresses, state_.address) != addresses.end();
  };
  return std::ranges::any_of(options_.allowed, [&](const AllowedCaller& a) {
    return (a.ae_title.empty() || title_text(a.ae_title) == title) && (a.host.empty() || is_address_of(a.host));
  });
}

OFBool Association::checkCallingAETitleAccepted(const OFString& title) {
  if (is_allowed(title_text(title.c_str()))) return OFTrue;
  log::warn(fmt::format("an association of {} from {} is refused: it is not allowed (--allow)",
                        title_text(title.c_str()), state_.address));
  return OFFalse;
}

/// Of each context that is proposed the first transfer syntax that is taken, so that callers need not unpack.
OFCondition Association::negotiateAssociation() {
  T_ASC_Parameters* const parameters = association_->params;
  for (int i = 0; i < ASC_countPresentationContexts(parameters); ++i) {
    T_ASC_PresentationContext context;
    if (const OFCondition got = ASC_getPresentationContext(parameters, i, &context); got.bad()) return got;
    const bool echo = std::string_view(context.abstractSyntax) == UID_VerificationSOPClass;
    const auto* const begin = context.proposedTransferSyntaxes;
    const auto* const end = begin + context.transferSyntaxCount;
    const auto* const syntax = std::find_if(begin, end, [&](const char* uid) { return is_taken(uid, echo); });
    OFCondition answered;
    if (!echo && !is_storage_class(context.abstractSyntax))
      answered =
          ASC_refusePresentationContext(parameters, context.presentationContextID, ASC_P_ABSTRACTSYNTAXNOTSUPPORTED);
    else if (syntax == end)
      answered =
          ASC_refusePresentationContext(parameters, context.presentationContextID, ASC_P_TRANSFERSYNTAXESNOTSUPPORTED);
    else
      answered = ASC_acceptPresentationContext(parameters, context.presentationContextID, *syntax);
    if (answered.bad()) return answered;
  }
  return EC_Normal;
}

OFCondition Association::handleIncomingCommand(T_DIMSE_Message* message, const DcmPresentationContextInfo& context) {
  state_.idle_since = std::chrono::steady_clock::now();
  if (message->CommandField == DIMSE_C_STORE_RQ && is_storage_class(context.abstractSyntax.c_str())) {
    const Busy busy(state_);
    return store(message->msg.CStoreRQ, context);
  }
  return DcmThreadSCP::handleIncomingCommand(message, context);
}

OFCondition Association::store(const T_DIMSE_C_StoreRQ& request, const DcmPresentationContextInfo& context) {
  if (request.DataSetType == DIMSE_DATASET_NULL) return DIMSE_BADMESSAGE;
  const StorageHandler::Place place = handler_.begin(state_.number);
  StoreAnswer answer;
  OFCondition received = receive(request, context, place, answer);
  handler_.end(state_.number, place.file);
  if (received.bad()) {
    log::warn(fmt::format("{} broke off in the middle of an instance, which is forgotten", state_.address));
    return received;
  }
  if (answer.status != Status::success)
    log::warn(fmt::format("an instance from {} is refused ({:04X}): {}", state_.address,
                          static_cast<unsigned>(answer.status), answer.comment));
  return respond(request, context.presentationContextID, answer);
}

/// Bad where the association cannot go on; else the answer says what became of the instance.
OFCondition Association::receive(const T_DIMSE_C_StoreRQ& request, const DcmPresentationContextInfo& context,
                                 const StorageHandler::Place& place, StoreAnswer& answer) {
  const auto forget = [&](StoreAnswer of) {
    answer = std::move(of);
    DIC_UL bytes = 0, parts = 0;
    return DIMSE_ignoreDataSet(association_, DIMSE_NONBLOCKING, static_cast<int>(options_.timeout.count()), &bytes,
                               &parts);
  };
  if (place.file.empty()) return forget({Status::out_of_resources, place.why_not});
  if (!write_header(place.file, request, *association_, context.presentationContextID))
    return forget({Status::out_of_resources, "the spool cannot be written"});
  std::optional<InstanceStream> file;
  try {
    file.emplace(place.file, place.most_bytes);
  } catch (const std::system_error&) {
    return forget({Status::out_of_resources, "the spool cannot be written"});
  }
  T_ASC_PresentationContextID of_data = 0;
  const OFCondition received =
      DIMSE_receiveDataSetInFile(association_, DIMSE_NONBLOCKING, static_cast<int>(options_.timeout.count()), &of_data,
                                 &file->stream(), nullptr, nullptr);
  if (file->too_large()) {
    answer = {Status::out_of_resources, "it is larger than what may be received"};
    return received;
  }
  if (file->finish() != 0) {
    answer = {Status::out_of_resources, "the spool is full, or cannot be written"};
    return received;
  }
  if (received.bad()) return received;
  if (of_data != context.presentationContextID) return DIMSE_BADMESSAGE;
  file.reset();
  try {
    answer = handler_.take({place.file, request.AffectedSOPClassUID, request.AffectedSOPInstanceUID,
                            context.acceptedTransferSyntax.c_str(), state_.number});
  } catch (const std::exception& e) {
    log::error(e.what());
    answer = {Status::out_of_resources, "it could not be stored"};
  }
  return EC_Normal;
}

OFCondition Association::respond(const T_DIMSE_C_StoreRQ& request, T_ASC_PresentationContextID context,
                                 const StoreAnswer& answer) {
  DcmDataset detail;
  if (!answer.comment.empty()) put(detail, DCM_ErrorComment, EVR_LO, short_text(answer.comment));
  return sendSTOREResponse(context, request.MessageID, request.AffectedSOPClassUID, request.AffectedSOPInstanceUID,
                           static_cast<Uint16>(answer.status), answer.comment.empty() ? nullptr : &detail);
}

}  // namespace nnunet::dicom
