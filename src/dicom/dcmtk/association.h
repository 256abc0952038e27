#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "dicom/dcmtk/dcmtk.h"
#include "nnunet/dicom/storage_server.h"

namespace nnunet::dicom {

/// What the thread of an association says to the one that listens.
struct AssociationState {
  std::uint64_t number = 0;
  std::string address;             ///< the caller's, IPv4
  std::atomic<bool> busy = false;  ///< an instance is on its way
  std::atomic<bool> over = false;  ///< released or broken off
  std::atomic<std::chrono::steady_clock::time_point> idle_since = std::chrono::steady_clock::now();
};

/// One association, from its request to its end.
class Association final : public DcmThreadSCP {
 public:
  /// is_full: refuse it, since there are too many.
  Association(const StorageServerOptions& options, StorageHandler& handler, AssociationState& state, bool is_full);

  /// Returns at its end. Takes it over.
  void run_to_end(T_ASC_Association* association);

 private:
  void notifyAssociationRequest(const T_ASC_Parameters& parameters, DcmSCPActionType& action) override;
  void refuseAssociation(DcmRefuseReasonType reason) override;
  OFBool checkCalledAETitleAccepted(const OFString& title) override;
  OFBool checkCallingAETitleAccepted(const OFString& title) override;
  OFCondition negotiateAssociation() override;
  OFCondition handleIncomingCommand(T_DIMSE_Message* message, const DcmPresentationContextInfo& context) override;

  bool is_allowed(const std::string& title) const;
  OFCondition store(const T_DIMSE_C_StoreRQ& request, const DcmPresentationContextInfo& context);
  OFCondition receive(const T_DIMSE_C_StoreRQ& request, const DcmPresentationContextInfo& context,
                      const StorageHandler::Place& place, StoreAnswer& answer);
  OFCondition respond(const T_DIMSE_C_StoreRQ& request, T_ASC_PresentationContextID context, const StoreAnswer& answer);

  const StorageServerOptions& options_;
  StorageHandler& handler_;
  AssociationState& state_;
  const bool is_full_;
  T_ASC_Association* association_ = nullptr;  ///< DCMTK's base class owns it
};

}  // namespace nnunet::dicom
